"""The demo: made-up shops and an emulated platform, fed to the real worker."""
