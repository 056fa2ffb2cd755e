namespace Ardir.Attacks;

/// <summary>No gradient flows through the model. An ensemble continues with its other attacks.</summary>
internal sealed class GradientException() : InvalidOperationException(
    "The model's output does not depend on its input through the graph (a detach, no_grad, a rounding step or a constant inside the " +
    "model), so there is no gradient to follow. Gradient-free attacks still apply.");
