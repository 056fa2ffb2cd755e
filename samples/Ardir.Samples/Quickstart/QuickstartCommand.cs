using System.CommandLine;

namespace Ardir.Samples;

/// <summary><c>quickstart</c>: from images to a robust student, and the proof.</summary>
internal static class QuickstartCommand
{
    public static Command Create()
    {
        var data = new Option<DirectoryInfo?>("--data") { Description = "Folder with the four idx files of Fashion-MNIST; the 12,000 images shipped with the samples when left out" };
        var output = new Option<string>("--output") { Description = "Folder for checkpoints and the report", DefaultValueFactory = _ => "ardir-quickstart" };
        var seed = new Option<ulong>("--seed") { Description = "Root of all random numbers", DefaultValueFactory = _ => 1 };
        var epochs = new Option<int>("--epochs") { Description = "Epochs of teacher and student", DefaultValueFactory = _ => new QuickstartSettings { Output = "" }.Epochs };
        var beta = new Option<double>("--beta") { Description = "Share of the feature distance in the student's loss, 0 to 1", DefaultValueFactory = _ => new QuickstartSettings { Output = "" }.Beta };
        var device = new Option<string>("--device") { Description = "cpu, cuda or cuda:1", DefaultValueFactory = _ => "cpu" };
        var command = new Command("quickstart", "Trains a standard model, a robust teacher and an ARDIR student, attacks all three and writes a report. 3 to 5 minutes on two CPU cores.")
        {
            data, output, seed, epochs, beta, device,
        };
        // On another thread: Ctrl-C is listened for only once the action has returned its task.
        command.SetAction((arguments, cancellation) => Task.Run(() => Job.Run(arguments.GetValue(output)!, () => new Quickstart(
            new QuickstartSettings
            {
                Data = arguments.GetValue(data)?.FullName,
                Output = arguments.GetValue(output)!,
                Seed = arguments.GetValue(seed),
                Epochs = arguments.GetValue(epochs),
                Beta = arguments.GetValue(beta),
                Device = torch.device(arguments.GetValue(device)!),
            }).Run(cancellation))));
        return command;
    }
}
