namespace Ardir.Attacks;

internal sealed class CrossEntropyAttackLoss : IAttackLoss
{
    public string Name => "cross-entropy";

    public bool AllowsThreads => true;

    public Tensor Compute(AttackLossInputs inputs) => inputs.Targets is null
        ? nn.functional.cross_entropy(inputs.Logits, inputs.Labels, reduction: nn.Reduction.None)
        : nn.functional.cross_entropy(inputs.Logits, inputs.Targets, reduction: nn.Reduction.None).neg();
}
