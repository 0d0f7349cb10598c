"""What GPU software is installed with: Helm values of NVIDIA's charts, and what has to stand around them.

Names of values are those of k8s-device-plugin 0.20.0, gpu-operator v26.7.0 and dcgm-exporter 4.8.2.
"""
