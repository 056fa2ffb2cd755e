namespace Ardir.Attacks;

/// <summary>Options of <see cref="CarliniWagnerAttack"/>.</summary>
public sealed record CarliniWagnerOptions
{
    /// <summary>Values of the weight c that are tried for each sample.</summary>
    /// <value>9 by default.</value>
    public int SearchSteps { get; init; } = 9;

    /// <summary>Steps of Adam for each value of c.</summary>
    /// <value>1000 by default; the paper uses 10000.</value>
    public int Iterations { get; init; } = 1000;

    /// <summary>Learning rate of Adam, in tanh space.</summary>
    /// <value>0.01 by default.</value>
    public double LearningRate { get; init; } = 0.01;

    /// <summary>The first weight c of the logit term.</summary>
    /// <value>0.001 by default.</value>
    public double InitialConstant { get; init; } = 1e-3;

    /// <summary>By how much the wrong class must lead, kappa.</summary>
    /// <value>0 by default.</value>
    public double Confidence { get; init; }

    /// <summary>Checks every value. The attack that takes the options calls it once.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message names it and what was expected.</exception>
    public void Validate()
    {
        OptionGuard.Positive(SearchSteps);
        OptionGuard.Positive(Iterations);
        if (!(LearningRate > 0 && double.IsFinite(LearningRate)))
            throw new ArgumentOutOfRangeException(nameof(LearningRate), LearningRate, "LearningRate must be positive.");
        if (!(InitialConstant > 0 && double.IsFinite(InitialConstant)))
            throw new ArgumentOutOfRangeException(nameof(InitialConstant), InitialConstant, "InitialConstant must be positive.");
        if (!(Confidence >= 0 && double.IsFinite(Confidence)))
            throw new ArgumentOutOfRangeException(nameof(Confidence), Confidence, "Confidence must be at least 0.");
    }
}
