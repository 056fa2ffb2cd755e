namespace Ardir.Tests;

/// <summary>A model that shows neither weights nor modes.</summary>
internal sealed class OpaqueModel(Func<Tensor, Tensor> forward) : IModule
{
    public Tensor call(Tensor input1) => forward(input1);
}
