"""Display: what people look at. Read `tradeoff` for the picture below a comparison's table."""
