"""All that knows Box: what it is asked, how it answers, and what its words mean."""
