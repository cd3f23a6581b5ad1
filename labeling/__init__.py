"""From what people say to a better detector. Stands on inference; knows no tensors."""
