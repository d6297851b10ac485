"""Wolf (2018): a GAN that draws N-body boxes, and the covariance matrices of what it draws."""
