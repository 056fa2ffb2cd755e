using System.Collections;
using System.Reflection;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Models with one peculiarity each for the taps, and a look at TorchSharp's hook tables.</summary>
internal static class TapModels
{
    public static Sequential Nested()
    {
        var net = nn.Sequential(
            ("stem", nn.Conv2d(1, 2, 3, padding: 1L)),
            ("layer1", nn.Sequential(("conv1", nn.Conv2d(2, 2, 3, padding: 1L)), ("relu", nn.ReLU()), ("conv2", nn.Conv2d(2, 2, 3, padding: 1L)))),
            ("layer2", nn.Sequential(("conv1", nn.Conv2d(2, 3, 3, padding: 1L)), ("relu", nn.ReLU(inplace: true)))),
            ("layer10", nn.Flatten()),
            ("fc", nn.Linear(48, 4)));
        net.to(ScalarType.Float64);
        TinyModels.Fill(net, 3);
        return net;
    }

    /// <summary>Takes away the tables in which a module keeps its hooks, so that registering one fails.</summary>
    public static void BreakHooks(nn.Module module)
    {
        for (var type = module.GetType(); type is not null; type = type.BaseType)
            foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                if (field.Name.Contains("hook", StringComparison.OrdinalIgnoreCase)) field.SetValue(module, null);
    }

    /// <summary>Hooks registered anywhere in a model, read from the tables that TorchSharp keeps them in.</summary>
    public static int Hooks(nn.Module root)
    {
        var count = 0;
        var tables = 0;
        foreach (var module in root.modules().Prepend(root))
            for (var type = module.GetType(); type is not null; type = type.BaseType)
                foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                    if (field.Name.Contains("hook", StringComparison.OrdinalIgnoreCase) && field.GetValue(module) is IDictionary table)
                    {
                        tables++;
                        count += table.Count;
                    }
        tables.Should().BePositive("the hook tables must be where this looks, or it proves nothing");
        return count;
    }
}

/// <summary>Two inputs, one output.</summary>
internal sealed class AddModule() : nn.Module<Tensor, Tensor, Tensor>("Add")
{
    public override Tensor forward(Tensor input1, Tensor input2) => input1 + 2 * input2;
}

/// <summary>Returns a reference-type tuple.</summary>
internal sealed class TupleModule() : nn.Module<Tensor, Tuple<Tensor, Tensor>>("Tuple")
{
    public override Tuple<Tensor, Tensor> forward(Tensor input) => new(input * 3, input * 5);
}

/// <summary>Returns a value tuple, as LSTM does.</summary>
internal sealed class ValueTupleModule() : nn.Module<Tensor, (Tensor, (Tensor, Tensor))>("ValueTuple")
{
    public override (Tensor, (Tensor, Tensor)) forward(Tensor input) => (input * 7, (input * 11, input * 13));
}

/// <summary>Uses modules of every shape.</summary>
internal sealed class ExoticModel : nn.Module<Tensor, Tensor>
{
    private readonly AddModule _add = new();
    private readonly TupleModule _pair = new();
    private readonly ValueTupleModule _triple = new();
    private readonly ReLU _unused = nn.ReLU();
    private readonly Softplus _shared = nn.Softplus();
    private readonly Identity _silent = nn.Identity();

    public ExoticModel() : base(nameof(ExoticModel))
    {
        foreach (var (name, module) in new (string, nn.Module)[]
        {
            ("add", _add), ("pair", _pair), ("triple", _triple), ("unused", _unused), ("shared", _shared), ("silent", _silent),
        }) register_module(name, module);
    }

    public override Tensor forward(Tensor input)
    {
        var sum = _add.call(input, input);
        var pair = _pair.call(sum);
        var (first, (second, third)) = _triple.call(pair.Item2);
        return _shared.call(_shared.call(_silent.forward(first + second + third)));
    }
}
