using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Reference geometry in plain C#, solved by bisection: slow, obvious and independent of the library.</summary>
internal static class Balls
{
    public static NormThreatModel Of(PerturbationNorm norm, double epsilon) => norm switch
    {
        PerturbationNorm.Linf => ThreatModel.Linf(epsilon),
        PerturbationNorm.L2 => ThreatModel.L2(epsilon),
        _ => ThreatModel.L1(epsilon),
    };

    public static double Length(PerturbationNorm norm, IEnumerable<double> delta) => norm switch
    {
        PerturbationNorm.Linf => delta.Max(Math.Abs),
        PerturbationNorm.L2 => Math.Sqrt(delta.Sum(d => d * d)),
        _ => delta.Sum(Math.Abs),
    };

    /// <summary>Euclidean projection onto ball and box: the box is free, the ball's multiplier is found by bisection.</summary>
    public static double[] Project(PerturbationNorm norm, double[] x, double[] y, double epsilon)
    {
        double[] At(double multiplier) => [.. x.Zip(y, (a, b) => Math.Clamp(a + Shrink(norm, b - a, multiplier, epsilon), 0, 1))];
        double Reach(double multiplier) => Length(norm, At(multiplier).Zip(x, (a, b) => a - b));
        if (norm == PerturbationNorm.Linf || Reach(0) <= epsilon) return At(0);
        var (low, high) = (0.0, 1.0);
        while (Reach(high) > epsilon) high *= 2;
        for (var i = 0; i < 200; i++)
        {
            var middle = (low + high) / 2;
            if (Reach(middle) > epsilon) low = middle;
            else high = middle;
        }
        return At(high);
    }

    private static double Shrink(PerturbationNorm norm, double d, double multiplier, double epsilon) => norm switch
    {
        PerturbationNorm.Linf => Math.Clamp(d, -epsilon, epsilon),
        PerturbationNorm.L2 => d / (1 + multiplier),
        _ => Math.Sign(d) * Math.Max(Math.Abs(d) - multiplier, 0),
    };
}
