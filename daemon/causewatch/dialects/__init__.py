"""What the spans of each AI framework mean: tables of facts, and the small code that reads them."""
