"""A resident process, with everything imported, that runs commands by fork(2): `stopgap agent start`.

A command looks for the agent's socket before anything is imported (`address`), and hands over its words, environment,
folder and descriptors (`client`, `request`). The agent (`server`) forks; the child takes the client's place
(`worker`), unless something differs that a command could notice (`sameness`), and runs the command. The client passes
signals on, and ends as the child ended. Without an agent, or after a refusal, the command runs in its own process.
Off unless started; Linux alone (pidfd_open(2), SO_PEERCRED).
"""
