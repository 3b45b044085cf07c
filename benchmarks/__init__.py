"""What the service costs, measured from outside and beside two bots written the usual way.

`python -m benchmarks` lists the benchmarks. Each runs the real bots, as processes of their own on one core,
against a fake Bot API on another core, with simulated people inside it. Nothing leaves this machine.
Results are printed and kept as JSON in build/benchmarks/; docs/performance.md is written from them.
"""
