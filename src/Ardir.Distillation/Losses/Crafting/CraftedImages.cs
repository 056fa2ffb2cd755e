using Ardir.Attacks;

namespace Ardir.Distillation;

/// <summary>How a run makes one kind of adversarial images.</summary>
/// <param name="Images">Which images.</param>
/// <param name="Attack">Makes them.</param>
/// <param name="TrainMode">Whether batch norm of the attacked student stays in train mode. Always false for other networks, which run in
/// eval mode.</param>
public sealed record CraftedImages(ImageSource Images, IAttack Attack, bool TrainMode)
{
    /// <summary>A line for logs.</summary>
    /// <returns>For example <c>images adversarial to student: PGD-10 ..., batch norm in train mode</c>.</returns>
    public override string ToString() => $"{Images}: {Attack}, {Mode}";

    internal string Mode => $"batch norm in {(TrainMode ? "train" : "eval")} mode";
}
