"""The built image, run from its unpacked root and tried: `.ci/build-image`."""
