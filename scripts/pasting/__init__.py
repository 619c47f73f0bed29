"""Carries an incident's manual out by pasting its blocks, as somebody does who has nothing but the paper."""
