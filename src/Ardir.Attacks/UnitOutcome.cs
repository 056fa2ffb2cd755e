namespace Ardir.Attacks;

/// <summary>What one unit of an attack found, in the scope of its caller.</summary>
/// <param name="Points">Like the images of the run, [n,...]; meaningful where broken.</param>
/// <param name="Broken">bool [n] on the same device: the model misclassified the point, and the point is in the threat set.</param>
public readonly record struct UnitOutcome(Tensor Points, Tensor Broken);
