namespace Ardir.Core;

/// <summary>What decides how an interrupted job goes on, as named texts. A job is continued only where all of them agree.</summary>
internal static class Identity
{
    /// <summary>Refuses what another job left behind and names every difference.</summary>
    public static void EnsureSame(IReadOnlyDictionary<string, string> saved, IReadOnlyDictionary<string, string> current, string path, string remedy)
    {
        var differences = current.Keys.Union(saved.Keys)
            .Where(key => !string.Equals(current.GetValueOrDefault(key), saved.GetValueOrDefault(key), StringComparison.Ordinal))
            .Select(key => $"\n  {key}: was '{saved.GetValueOrDefault(key)}', is '{current.GetValueOrDefault(key)}'").ToList();
        if (differences.Count > 0)
            throw new InvalidOperationException($"{path} belongs to another run, which this one cannot continue. {remedy}{string.Concat(differences)}");
    }
}
