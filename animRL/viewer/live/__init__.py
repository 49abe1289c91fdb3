"""The live view: states in a page of the browser, or in MuJoCo's own window."""
