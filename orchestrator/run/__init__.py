"""Running: connect, plan, agree, apply, prove, record; and the way back."""
