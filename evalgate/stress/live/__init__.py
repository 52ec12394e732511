"""The live stress check: the real agent over HTTP against an enforced quota."""
