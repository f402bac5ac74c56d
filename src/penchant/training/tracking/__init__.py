"""Programs that draw the curves of trainings: TensorBoard, Weights & Biases, MLflow."""
