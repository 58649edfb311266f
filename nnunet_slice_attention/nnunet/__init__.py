"""Everything that knows nnU-Net's insides: plans, data sets, versions, discovery."""
