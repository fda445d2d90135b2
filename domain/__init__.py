"""The business rules of Ridgeline as pure, typed functions. No I/O, no clocks: `now` is an argument."""
