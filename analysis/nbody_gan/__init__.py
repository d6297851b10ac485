"""Wolf (2018): N-body boxes, and a generative network that takes their place where covariances are wanted."""
