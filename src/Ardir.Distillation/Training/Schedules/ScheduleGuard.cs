namespace Ardir.Distillation;

/// <summary>Checks and formulas that the schedules share.</summary>
internal static class ScheduleGuard
{
    public static double Share(double value, string name) => value is >= 0 and <= 1
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} must be in [0,1].");

    public static double Divisor(double value, string name) => double.IsFinite(value) && value >= 1
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} must be at least 1 and finite.");

    public static void Milestones(IReadOnlyList<int> milestones, string name)
    {
        ArgumentNullException.ThrowIfNull(milestones, name);
        for (var i = 0; i < milestones.Count; i++)
        {
            if (milestones[i] < (i == 0 ? 1 : milestones[i - 1] + 1))
                throw new ArgumentException(
                    $"{name} are [{string.Join(", ", milestones)}]; expected increasing epoch numbers from 1.", name);
        }
    }

    /// <summary>Goes from one value to another along half a cosine; <paramref name="place"/> is in [0,1].</summary>
    public static double Cosine(double from, double to, double place) => to + (from - to) * 0.5 * (1 + Math.Cos(Math.PI * place));
}
