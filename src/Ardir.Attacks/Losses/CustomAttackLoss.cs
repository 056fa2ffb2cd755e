namespace Ardir.Attacks;

internal sealed class CustomAttackLoss(string name, Func<AttackLossInputs, Tensor> loss) : IAttackLoss
{
    public CustomAttackLoss(string name, Func<Tensor, Tensor, Tensor> loss) : this(name, inputs => inputs.Targets is null
        ? loss(inputs.Logits, inputs.Labels)
        : throw new InvalidOperationException(
            $"The loss '{name}' has no targeted form. Use the form of AttackLoss.Custom that takes AttackLossInputs, or implement " +
            "IAttackLoss, to see the targets."))
    {
    }

    public string Name => name;

    public bool AllowsThreads => true;

    public Tensor Compute(AttackLossInputs inputs) => loss(inputs);

    // The text of an attack's options contains its loss, and a resumed run compares that text. A function has no text of its own, so
    // the name must identify it.
    public override string ToString() => $"custom '{name}'";
}
