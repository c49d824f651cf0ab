"""Human preference: blinded pairs of outputs to choose from, and scores from the choices."""
