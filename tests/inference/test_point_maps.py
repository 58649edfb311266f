"""Where CSA-Net looks from a point: against the queries and keys of its layers, and in the image's own voxels."""

import itertools
from types import SimpleNamespace

import nibabel
import numpy as np
import pytest
import SimpleITK
import torch
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from nnunetv2.imageio.nibabel_reader_writer import NibabelIO, NibabelIOWithReorient
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO, SimpleITKIOWithReorient

from nnunet_slice_attention.attention.multi_head import MultiHeadAttention
from nnunet_slice_attention.cli import main
from nnunet_slice_attention.inference.attention_checks import check_has_attention_maps
from nnunet_slice_attention.inference.extra_outputs import ExtraOutputs
from nnunet_slice_attention.inference.file_grid import FileGrid
from nnunet_slice_attention.inference.point_maps import point_weights
from nnunet_slice_attention.inference.predict import predict_files
from nnunet_slice_attention.inference.predictor import SlabPredictor
from nnunet_slice_attention.inference.trained_model import load_predictor
from tests.networks.configurations import PATCH, build, slab

TRAINER = "Tiny_nnUNetTrainerCSANet"
OPTIONS = {"num_heads": 4, "vit_depth": 1}
READERS = [SimpleITKIO, SimpleITKIOWithReorient, NibabelIO, NibabelIOWithReorient]


def predictor_of(network, **options) -> SlabPredictor:
    made = SlabPredictor(device=torch.device("cpu"), allow_tqdm=False, **options)
    made.network, made.list_of_parameters = network.eval(), [network.state_dict()]
    made.configuration_manager = SimpleNamespace(patch_size=(4, *PATCH))
    made.trainer_name = "Net"
    return made


def weights_by_hooks(network, stack, index, token) -> dict[int, torch.Tensor]:
    """{offset: (L,)} from what the layers' projections return in a forward pass over the whole stack."""
    projected = {}

    def keep(name):
        return lambda module, inputs, output: projected.setdefault(name, []).append(output)

    for name in ("previous", "next", "in_slice"):
        if (layer := getattr(network, name)) is not None:
            layer.attention.query.register_forward_hook(keep(f"{name} query"))
            layer.attention.key.register_forward_hook(keep(f"{name} key"))
    network(stack)
    calls = {name: iter(outputs) for name, outputs in projected.items()}
    found = {}
    for offset in network.offsets:
        name = "in_slice" if offset == 0 else "previous" if offset < 0 else "next"
        if f"{name} query" in calls and 0 <= index + offset < stack.shape[2]:
            query, key = (next(calls[f"{name} {kind}"])[index] for kind in ("query", "key"))
            heads = network.previous.attention.num_heads
            q, k = (t.reshape(len(t), heads, -1) for t in (query, key))
            scores = torch.einsum("hd,lhd->hl", q[token], k) / q.shape[-1] ** 0.5
            found[offset] = torch.softmax(scores, dim=1).mean(dim=0)
        elif f"{name} query" in calls:
            next(calls[f"{name} query"]), next(calls[f"{name} key"])
    return found


@pytest.mark.parametrize("index", [0, 2])
@pytest.mark.parametrize("options", [{}, {"context_radius": 2}, {"in_slice": False}], ids=str)
def test_a_map_is_the_softmax_of_the_points_query_and_the_neighbours_keys(options, index):
    network, stack = build("CSANet", OPTIONS | options, double=False).eval(), slab().float()
    features = network.encoder(stack[:, :, 0])[network.stage].shape[-2:]
    tall, wide = (n // cells for n, cells in zip(PATCH, features, strict=True))
    row, column = 19, 37
    with torch.inference_mode():
        expected = weights_by_hooks(network, stack, index, row // tall * features[1] + column // wide)
    for slices in (1, 4):
        maps = point_weights(predictor_of(network, slices_at_a_time=slices), stack[0], (index, row, column))
        assert list(maps) == sorted(expected)
        for offset, weights in maps.items():
            assert weights.shape == PATCH and weights.sum() == pytest.approx(1)
            per_location = weights.reshape(features[0], tall, features[1], wide).sum(dim=(1, 3)).flatten()
            torch.testing.assert_close(per_location, expected[offset], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("size", [(50, 70), (30, 45), (27, 70)], ids=str)
def test_maps_sum_to_one_over_several_tiles_and_without_padding(size):
    network = build("CSANet", OPTIONS, double=False)
    volume = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    maps = point_weights(predictor_of(network), volume, (1, 15, 20))
    assert {offset: weights.shape for offset, weights in maps.items()} == dict.fromkeys((-1, 0, 1), size)
    for weights in maps.values():
        assert weights.sum() == pytest.approx(1)


def test_the_weight_of_locations_that_are_padding_alone_is_left_out():
    network, size = build("CSANet", OPTIONS, double=False), (8, 12)
    for layer in (network.previous, network.in_slice, network.next):
        torch.nn.init.zeros_(layer.attention.query.weight)  # all positions weigh the same
    cells = network.encoder(torch.zeros(1, 1, *PATCH))[network.stage].shape[-2:]
    maps = point_weights(predictor_of(network), torch.ones(1, 3, *size), (1, 4, 4))
    starts = [(p - n) // 2 for p, n in zip(PATCH, size, strict=True)]
    strides = [p // c for p, c in zip(PATCH, cells, strict=True)]
    seen = [
        (start + n - 1) // stride - start // stride + 1
        for start, n, stride in zip(starts, size, strides, strict=True)
    ]
    for weights in maps.values():
        assert weights.sum() == pytest.approx(np.prod(seen) / np.prod(cells)) and weights.sum() < 0.5


def test_an_empty_slice_has_no_maps_and_is_no_neighbour():
    volume = slab().float()[0]
    volume[:, 1] = 0
    predictor = predictor_of(build("CSANet", OPTIONS, double=False))
    assert point_weights(predictor, volume, (1, 5, 5)) == {}
    assert list(point_weights(predictor, volume, (2, 5, 5))) == [0, 1]


def test_weights_are_right_in_half_precision():
    torch.manual_seed(0)
    layer = MultiHeadAttention(32, 4)
    query, key = 30 * torch.randn(1, 1, 32), torch.randn(1, 400, 32)
    with torch.inference_mode():
        exact = layer.weights(query, key)
        with torch.autocast("cpu", torch.bfloat16):
            half = layer.weights(query, key)
    assert half.dtype == torch.float32 and half.sum() == pytest.approx(1, abs=1e-5)
    assert (half - exact).abs().max() < 0.05


@pytest.mark.parametrize("axes", ["RAS", "LPS", "SLA", "AIL"])
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
def test_voxels_of_a_file_are_found_in_the_readers_array_and_brought_back(reader, axes, tmp_path):
    rng = np.random.default_rng(0)
    values = rng.random((4, 5, 6), np.float32)
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    affine[:3, 3] = 10, -20, 30
    image = nibabel.Nifti1Image(values, affine).as_reoriented(
        ornt_transform(io_orientation(affine), axcodes2ornt(axes))
    )
    path = tmp_path / "image_0000.nii.gz"
    nibabel.save(image, path)
    array, properties = reader().read_images([str(path)])
    grid, stored = FileGrid.of(path, properties, array.shape[1:]), np.asarray(image.dataobj)
    assert not grid.has(stored.shape) and not grid.has((0, -1, 0)) and grid.has((0, 0, 0))
    for voxel in itertools.product(*map(range, stored.shape)):
        assert grid.has(voxel) and array[(0, *grid.in_array(voxel))] == stored[voxel]
    back = grid.as_nifti(array[0])
    np.testing.assert_array_equal(back.get_fdata(dtype=np.float32), stored)
    np.testing.assert_allclose(back.affine, image.affine, atol=1e-4)


@pytest.fixture(scope="module")
def trained(train, nnunet_folders, tiny):
    train(tiny, TRAINER)
    return nnunet_folders / "results" / tiny.folder / f"{TRAINER}__nnUNetPlans__2d"


@pytest.fixture
def image(tmp_path):
    """A brain-like image, surrounded by zeros that nnU-Net crops, and of another spacing than the training images."""
    values = np.zeros((5, 70, 90), np.float32)
    values[:, 8:66, 20:84] = np.random.default_rng(0).normal(3, 1, (5, 58, 64)).clip(0.1)
    picture = SimpleITK.GetImageFromArray(values)
    picture.SetSpacing((0.7, 0.6, 6.0))
    picture.SetOrigin((5.0, -7.0, 11.0))
    path = tmp_path / "in" / "case_0000.nii.gz"
    path.parent.mkdir()
    SimpleITK.WriteImage(picture, str(path))
    return path


def test_a_map_lies_where_the_point_looks_in_the_images_own_voxels(trained, image, tmp_path):
    predictor = load_predictor(trained, [0], device="cpu", use_mirroring=False, allow_tqdm=False)
    (weights,) = predictor.list_of_parameters
    dim = weights["position.embedding"].shape[1]
    grid = weights["position.embedding"].shape[-2:]
    for layer in ("previous", "next", "in_slice"):  # every location looks at the same location
        weights[f"{layer}.attention.query.weight"] = weights[f"{layer}.attention.key.weight"] = torch.eye(dim)
    patterns = torch.sign(torch.randn(grid.numel(), dim, generator=torch.Generator().manual_seed(0)))
    weights["position.embedding"] = 20 * patterns.T.reshape(1, dim, *grid)

    points = [(30, 20, 2), (75, 60, 0)]
    assert (
        predict_files(
            predictor,
            [image],
            tmp_path / "out",
            extra_outputs=ExtraOutputs(attention_points=[*points, points[0]]),
        )
        == []
    )
    written = {path.name for path in (tmp_path / "out" / "attention").iterdir()}
    assert written == {
        *(f"case_point_30_20_2_{offset}.nii.gz" for offset in ("-1", "+0", "+1")),
        *(f"case_point_75_60_0_{offset}.nii.gz" for offset in ("+0", "+1")),
    }
    source = nibabel.load(image)
    for point in points:
        for path in (tmp_path / "out" / "attention").glob(f"case_point_{'_'.join(map(str, point))}_*"):
            made = nibabel.load(path)
            assert made.shape == source.shape and made.get_data_dtype() == np.float32
            np.testing.assert_allclose(made.affine, source.affine, atol=1e-4)
            values = made.get_fdata()
            offset = int(path.name.removesuffix(".nii.gz").rpartition("_")[2])
            assert np.flatnonzero(values.any(axis=(0, 1))).tolist() == [point[2] + offset]
            assert values.sum() == pytest.approx(1, abs=1e-3)
            i, j = (
                (values * index).sum() / values.sum()
                for index in np.meshgrid(*map(range, source.shape), indexing="ij")[:2]
            )
            assert (
                abs(i - point[0]) < 16 / 0.7 and abs(j - point[1]) < 16 / 0.6
            )  # a location has 16 x 16 mm at most
            assert values[point[0], point[1], point[2] + offset] > 0.9 * values.max()


def predict(tiny, out, *flags, images):
    argv = ["predict", "-o", str(out), "-device", "cpu", "-npp", "0", "-nps", "0", "-f", "0", "--disable_tta"]
    return main([*argv, "-i", str(images), "-d", str(tiny.id), "-tr", TRAINER, *flags])


def test_points_are_checked_before_prediction_and_maps_go_with_their_prediction(
    trained, tiny, image, tmp_path, capsys
):
    out = tmp_path / "out"
    assert predict(tiny, out, "--attention-point", "30,20,2", "90,0,0", images=image) == 1
    error = capsys.readouterr().err
    assert "--attention-point 90,0,0 is outside of" in error and "90 x 70 x 5 voxels" in error
    assert "from 0,0,0 to 89,69,4" in error and not out.exists()
    with pytest.raises(SystemExit):
        predict(tiny, out, "--attention-point", "30,20", images=image)
    assert "'30,20' is not a voxel I,J,K, e.g. 120,96,4" in capsys.readouterr().err

    cropped = ["--attention-point", "0,0,0", "--attention-point", "30,20,2"]
    assert predict(tiny, out, *cropped, images=image.parent) == 1
    assert "--attention-point 0,0,0 is in a part that is 0 in all channels" in capsys.readouterr().err
    assert (out / "case.nii.gz").is_file() and len(list((out / "attention").iterdir())) == 3
    assert predict(tiny, out, images=image.parent) == 0
    assert list((out / "attention").iterdir()) == []


@pytest.mark.parametrize(
    ("network", "options", "neighbours", "problem"),
    [
        ("SliceAttention", {}, "own", "no attention to the positions of neighbouring slices"),
        ("CSANet", {"cross_slice": False}, "own", "no attention to the positions of neighbouring slices"),
        ("CSANet", {"direction": "paper"}, "own", "of positions of the slice itself"),
        ("CSANet", {"repeat_centre": True}, "own", "replaces each neighbour by the slice itself"),
        ("CSANet", {}, "shuffle", "--neighbours shuffle: weights are of a slice's own neighbours"),
    ],
)
def test_models_without_such_maps_are_refused(network, options, neighbours, problem):
    options = OPTIONS | options if network == "CSANet" else options
    predictor = predictor_of(build(network, options), neighbours=neighbours)
    with pytest.raises(ValueError, match=problem):
        check_has_attention_maps(predictor)
