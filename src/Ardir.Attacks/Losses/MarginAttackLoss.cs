namespace Ardir.Attacks;

internal sealed class MarginAttackLoss : IAttackLoss
{
    public string Name => "margin";

    public bool AllowsThreads => true;

    public Tensor Compute(AttackLossInputs inputs) => inputs.Targets is null
        ? Margin(inputs.Logits, inputs.Labels)
        : Margin(inputs.Logits, inputs.Targets).neg();

    /// <summary>max_{i!=c} z_i - z_c, [n]. The class itself is masked with -inf: multiplying by (1 - one-hot) would return 0 when all
    /// others are negative.</summary>
    public static Tensor Margin(Tensor logits, Tensor classes)
    {
        using var scope = NewDisposeScope();
        var column = classes.unsqueeze(1);
        var others = logits.scatter(1, column, full_like(column, double.NegativeInfinity, dtype: logits.dtype));
        return (others.amax(new long[] { 1 }) - logits.gather(1, column).squeeze(1)).MoveToOuterDisposeScope();
    }
}
