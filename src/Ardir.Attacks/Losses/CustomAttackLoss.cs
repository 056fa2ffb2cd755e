namespace Ardir.Attacks;

internal sealed class CustomAttackLoss(string name, Func<Tensor, Tensor, Tensor> loss) : IAttackLoss
{
    public string Name => name;

    public Tensor Compute(AttackLossInputs inputs) => inputs.Targets is null
        ? loss(inputs.Logits, inputs.Labels)
        : throw new InvalidOperationException($"The loss '{Name}' has no targeted form. Implement IAttackLoss to see the targets.");
}
