namespace Ardir.Core;

/// <summary>Compares the named settings on which the result of an interrupted run depends. A run resumes only if all of them are
/// equal.</summary>
public static class ResumeGuard
{
    /// <summary>Throws if the saved settings are those of another run; the message lists every difference.</summary>
    /// <param name="saved">The settings that were saved with the state of the run.</param>
    /// <param name="current">The settings of the run that wants to resume.</param>
    /// <param name="path">The file that the saved ones are from, for the message.</param>
    /// <param name="remedy">What to do about it, for the message.</param>
    /// <exception cref="InvalidOperationException">The settings differ.</exception>
    public static void EnsureSame(
        IReadOnlyDictionary<string, string> saved, IReadOnlyDictionary<string, string> current, string path, string remedy)
    {
        ArgumentNullException.ThrowIfNull(saved);
        ArgumentNullException.ThrowIfNull(current);
        var differences = Differences(saved, current)
            .Select(difference => $"\n  {difference.Name}: was '{difference.Saved}', is '{difference.Current}'").ToList();
        if (differences.Count > 0)
        {
            throw new InvalidOperationException(
                $"{path} belongs to another run, which this one cannot continue. {remedy}{string.Concat(differences)}");
        }
    }
    /// <summary>The settings that differ.</summary>
    /// <param name="saved">Some settings by name.</param>
    /// <param name="current">Those that they are compared with.</param>
    /// <returns>Each with both values, null where one has no such setting; in the order of the second, then of the first.</returns>
    public static IEnumerable<(string Name, string? Saved, string? Current)> Differences(
        IReadOnlyDictionary<string, string> saved, IReadOnlyDictionary<string, string> current) =>
        current.Keys.Union(saved.Keys)
            .Select(name => (Name: name, Saved: saved.GetValueOrDefault(name), Current: current.GetValueOrDefault(name)))
            .Where(setting => !string.Equals(setting.Saved, setting.Current, StringComparison.Ordinal));
}
