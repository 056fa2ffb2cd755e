namespace Ardir.Attacks;

/// <summary>Options of <see cref="DeepFoolAttack"/>. The defaults are those of the paper (Moosavi-Dezfooli et al. 2016).</summary>
public sealed record DeepFoolOptions
{
    /// <summary>Maximum number of steps; a sample stops when its class changes.</summary>
    /// <value>50 by default.</value>
    public int Iterations { get; init; } = 50;

    /// <summary>How far the perturbation goes beyond the linearised boundary, as a share of it.</summary>
    /// <value>0.02 by default.</value>
    public double Overshoot { get; init; } = 0.02;

    /// <summary>How many classes are considered, the label included: those with the largest clean logits. Each wrong class costs a backward
    /// pass per step.</summary>
    /// <value>10 by default.</value>
    public int Classes { get; init; } = 10;

    /// <summary>Checks every value. The attack that takes the options calls it once.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message names it and what was expected.</exception>
    public void Validate()
    {
        OptionGuard.Positive(Iterations);
        if (!(Overshoot >= 0 && double.IsFinite(Overshoot)))
            throw new ArgumentOutOfRangeException(nameof(Overshoot), Overshoot, "Overshoot must be at least 0.");
        if (Classes < 2)
        {
            throw new ArgumentOutOfRangeException(
                nameof(Classes), Classes, "Classes must be at least 2: the label and one to cross over to.");
        }
    }
}
