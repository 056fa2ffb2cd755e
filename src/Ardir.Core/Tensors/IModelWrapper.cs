namespace Ardir.Core;

/// <summary>A model that calls another one, such as the model that an evaluation hands to an attack and whose passes it counts.
/// <see cref="FeatureTap"/> and <see cref="EvaluationModeScope"/> find the modules of the model inside; calls still go through the
/// wrapper. Your own wrapper may implement it, too.</summary>
public interface IModelWrapper : IModule
{
    /// <summary>The model inside, which may be a wrapper itself.</summary>
    IModule Model { get; }

    /// <summary>The model without any wrapper. Whoever calls it directly avoids what the wrappers do.</summary>
    /// <param name="model">A model, wrapped or not.</param>
    /// <returns>The innermost model; the argument where it is no wrapper.</returns>
    static IModule Unwrap(IModule model)
    {
        while (model is IModelWrapper wrapper) model = wrapper.Model;
        return model;
    }
}
