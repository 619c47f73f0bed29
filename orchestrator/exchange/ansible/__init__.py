"""Playbooks of Ansible, read as data; no part of Ansible is imported or run."""
