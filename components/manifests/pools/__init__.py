"""Exactly what each adapter asks a cloud, or Karpenter, to make. Arguments have the names of the cloud's SDK."""
