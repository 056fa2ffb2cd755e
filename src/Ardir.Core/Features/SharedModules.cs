namespace Ardir.Core;

/// <summary>Finds modules and parameters that two networks share. A teacher must not change while the student learns, so the two may
/// share none.</summary>
internal static class SharedModules
{
    /// <summary>The type of a module that both networks contain, or the name of a shared parameter; null where they share nothing or do
    /// not show their modules.</summary>
    public static string? Find(nn.Module? first, nn.Module? second)
    {
        if (first is null || second is null) return null;
        var modules = new HashSet<nn.Module>(first.modules().Prepend(first), ReferenceEqualityComparer.Instance);
        if (second.modules().Prepend(second).FirstOrDefault(modules.Contains) is { } shared) return LayerList.Kind(shared);
        var parameters = first.parameters().Where(parameter => !parameter.IsInvalid).Select(parameter => parameter.Handle).ToHashSet();
        foreach (var (name, parameter) in second.named_parameters())
            if (!parameter.IsInvalid && parameters.Contains(parameter.Handle)) return $"parameter '{name}'";
        return null;
    }

    /// <summary>The exception message for a student and a teacher that share a module or a parameter.</summary>
    public static string Refusal(string shared) =>
        $"Student and teacher are the same module or share one ({shared}). The teacher must stay as it is while the student learns: " +
        "give it modules of its own.";
}
