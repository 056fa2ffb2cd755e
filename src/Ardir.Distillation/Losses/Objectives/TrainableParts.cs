namespace Ardir.Distillation;

/// <summary>The trainable modules of several losses as one module; a module that several losses share is registered once.</summary>
internal sealed class TrainableParts : nn.Module
{
    private TrainableParts(IReadOnlyList<nn.Module> modules) : base(nameof(TrainableParts))
    {
        for (var i = 0; i < modules.Count; i++) register_module($"{i}", modules[i]);
    }

    /// <summary>Null if there is no trainable module.</summary>
    public static TrainableParts? Of(IEnumerable<nn.Module?> modules)
    {
        var distinct = modules.OfType<nn.Module>().Distinct(ReferenceEqualityComparer.Instance).Cast<nn.Module>().ToList();
        return distinct.Count == 0 ? null : new TrainableParts(distinct);
    }
}
