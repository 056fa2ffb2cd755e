namespace Ardir.Distillation;

/// <summary>Student's t distribution, for whole degrees of freedom.</summary>
internal static class StudentT
{
    // Halving the range 60 times leaves less than the spacing of doubles.
    private const int Halvings = 60;

    /// <summary>The t for which the probability of [-t,t] is <paramref name="level"/>.</summary>
    /// <param name="level">Between 0 and 1, for example 0.95.</param>
    /// <param name="degrees">Degrees of freedom, at least 1.</param>
    public static double TwoSided(double level, int degrees)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(degrees, 1);
        if (!(level is > 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(level), level, "Expected a probability between 0 and 1.");
        var (low, high) = (0.0, Math.PI / 2);
        for (var i = 0; i < Halvings; i++)
        {
            var middle = (low + high) / 2;
            if (Within(middle, degrees) < level) low = middle;
            else high = middle;
        }
        return Math.Sqrt(degrees) * Math.Tan((low + high) / 2);
    }

    // Abramowitz and Stegun 26.7.3 and 26.7.4: with theta = atan(t / sqrt(degrees)) the probability of [-t,t] is a finite sum.
    private static double Within(double theta, int degrees)
    {
        var (sine, cosine) = Math.SinCos(theta);
        var odd = degrees % 2 == 1;
        var (term, sum) = odd ? (degrees > 1 ? cosine : 0, 0.0) : (1.0, 0.0);
        for (var power = odd ? 2 : 1; power < degrees; power += 2)
        {
            sum += term;
            term *= cosine * cosine * power / (power + 1);
        }
        return odd ? 2 / Math.PI * (theta + sine * sum) : sine * sum;
    }
}
