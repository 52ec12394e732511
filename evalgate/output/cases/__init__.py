"""What happened in each case, for `evalgate show` and the HTML report."""
