"""Whether installation and data set are as a training needs them."""
