"""`make demo`: a pushed image reaches running pods, told step by step on a real cluster."""
