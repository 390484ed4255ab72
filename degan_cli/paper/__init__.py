"""The paper's tables as data, and how each of their cells is made of plain ``degan`` commands. No torch here."""
