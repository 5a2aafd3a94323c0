"""What every kind of rule must do, whatever it is for. `examples/` has a file for each kind; see
`deploy/docs/adding-a-kind.md`."""
