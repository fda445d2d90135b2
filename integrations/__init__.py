"""One file per outside vendor: its SDK or HTTP shape, prices, error mapping and webhook verification."""
