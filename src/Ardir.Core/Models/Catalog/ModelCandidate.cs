namespace Ardir.Core;

/// <summary>A network that has the state entries from which <see cref="ModelCatalog"/> guessed.</summary>
public sealed class ModelCandidate
{
    private readonly Func<nn.Module<Tensor, Tensor>> _create;

    internal ModelCandidate(string name, Func<nn.Module<Tensor, Tensor>> create) => (Name, _create) = (name, create);

    /// <summary>The network, its size, and how it differs from the other candidates.</summary>
    public string Name { get; }

    /// <summary>Makes the network, with weights from the global generator.</summary>
    /// <returns>A float32 network on the CPU in training mode, owned by the caller. It normalises its input only where its name says
    /// so.</returns>
    public nn.Module<Tensor, Tensor> Create() => _create();

    /// <summary>The name.</summary>
    /// <returns><see cref="Name"/>.</returns>
    public override string ToString() => Name;
}
