"""The drill: the letter played on the lab, with people who answer from a file and a provider who gets mail."""
