using System.CommandLine;

namespace Ardir.Samples;

/// <summary><c>observe</c>: a short training run, watched.</summary>
internal static class ObserveCommand
{
    public static Command Create()
    {
        var output = new Option<string>("--output") { Description = "Folder for checkpoints and logs", DefaultValueFactory = _ => "ardir-observe" };
        var epochs = new Option<int>("--epochs") { Description = "Epochs; raise it and the same command goes on from where it was", DefaultValueFactory = _ => 2 };
        var command = new Command("observe", "Trains a small robust model on a few of the images and shows every way to watch it: OpenTelemetry, CSV, JSON lines, TensorBoard. Half a minute on two CPU cores.")
        {
            output, epochs,
        };
        // On another thread: Ctrl-C is listened for only once the action has returned its task.
        command.SetAction((arguments, cancellation) => Task.Run(() => Job.Run(arguments.GetValue(output)!, () => new Observe(arguments.GetValue(output)!, arguments.GetValue(epochs)).Run(cancellation))));
        return command;
    }
}
