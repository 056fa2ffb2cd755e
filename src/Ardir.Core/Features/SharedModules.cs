namespace Ardir.Core;

/// <summary>Finds modules and parameters that two networks share. A teacher must not change while the student learns, so the two may
/// share none.</summary>
public static class SharedModules
{
    /// <summary>What two networks share.</summary>
    /// <param name="first">A network.</param>
    /// <param name="second">Another one.</param>
    /// <returns>The type of a module that both contain, or the name of a shared parameter; null where they share nothing, or where one is
    /// null.</returns>
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

    /// <summary>Refuses a student and a teacher that share a module or a parameter.</summary>
    /// <param name="student">The network that learns.</param>
    /// <param name="teacher">The network to learn from; nothing is checked where it does not show its modules.</param>
    /// <param name="name">The argument that the exception names, <c>teacher</c> when null.</param>
    /// <exception cref="ArgumentException">They share one; the message names it.</exception>
    public static void EnsureNone(IModule? student, IModule? teacher, string? name = null)
    {
        if (Find(Modules(student), Modules(teacher)) is not { } shared) return;
        throw new ArgumentException(
            $"Student and teacher are the same module or share one ({shared}). The teacher must stay as it is while the student learns: "
            + "give it modules of its own.",
            name ?? nameof(teacher));
    }

    private static nn.Module? Modules(IModule? model) => model is null ? null : IModelWrapper.Unwrap(model) as nn.Module;
}
