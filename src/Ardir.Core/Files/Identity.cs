namespace Ardir.Core;

/// <summary>Compares the named settings on which the result of an interrupted run depends. A run resumes only if all of them are
/// equal.</summary>
internal static class Identity
{
    /// <summary>Throws if the saved settings are those of another run; the message lists every difference.</summary>
    /// <exception cref="InvalidOperationException">The settings differ.</exception>
    public static void EnsureSame(
        IReadOnlyDictionary<string, string> saved, IReadOnlyDictionary<string, string> current, string path, string remedy)
    {
        var differences = current.Keys.Union(saved.Keys)
            .Where(key => !string.Equals(current.GetValueOrDefault(key), saved.GetValueOrDefault(key), StringComparison.Ordinal))
            .Select(key => $"\n  {key}: was '{saved.GetValueOrDefault(key)}', is '{current.GetValueOrDefault(key)}'")
            .ToList();
        if (differences.Count > 0)
        {
            throw new InvalidOperationException(
                $"{path} belongs to another run, which this one cannot continue. {remedy}{string.Concat(differences)}");
        }
    }
}
