"""How a tool is declared, selected, validated, confirmed and called."""
