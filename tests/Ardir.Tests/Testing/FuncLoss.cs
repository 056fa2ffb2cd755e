using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>A loss on clean images from a function.</summary>
internal sealed class FuncLoss(Func<DistillationInputs, LossTerms> compute) : IDistillationLoss
{
    public string Name => "own";

    public DistillationNeeds Needs { get; } = new() { Passes = [NetworkPass.StudentClean] };

    public LossTerms Compute(DistillationInputs inputs) => compute(inputs);

    public override string ToString() => Name;
}
