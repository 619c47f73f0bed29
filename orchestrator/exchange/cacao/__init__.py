"""CACAO 2.0 security playbooks (OASIS, Committee Specification 01): written from runbooks and plans, and read."""
